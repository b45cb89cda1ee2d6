"""The realtime gateway: the fleet as it is now over WebSocket, what happened before over HTTP, and the page itself."""
