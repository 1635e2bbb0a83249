"""What Ragstone measures about itself."""
