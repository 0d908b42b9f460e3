"""Files that browsers and crawlers ask every site for."""
