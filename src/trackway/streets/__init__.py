"""The street network: finding a street for a place, and the fastest way over the streets; routes made from both."""
