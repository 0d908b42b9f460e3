"""What the product promises while its parts fail, measured on the real processes."""
