"""The processes of the product: how they are started, watched and asked for their health."""
