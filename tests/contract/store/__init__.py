"""What every store promises, in one suite that runs on all of them."""
