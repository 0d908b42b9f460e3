"""The service's promises while its parts fail, measured on the real processes."""
