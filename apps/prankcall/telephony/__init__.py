"""Telephony: a port, and its adapters."""
