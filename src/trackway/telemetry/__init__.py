"""How the processes of Trackway are watched."""
