"""Files that browsers and crawlers request from every site."""
