"""What clients asked for and did not exist: counted by path in bounded space, with exact totals."""
