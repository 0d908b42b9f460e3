"""The most expensive request that each route allows: for measuring how long it holds the event loop."""
