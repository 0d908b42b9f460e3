"""The hot path: from a code to a Location header, and a click that is stored before the answer leaves."""
