"""Messages to listeners as things happen: clicks, changes of links, comments, notifications."""
