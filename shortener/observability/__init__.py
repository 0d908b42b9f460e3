"""What the product tells about itself: metrics and logs."""
