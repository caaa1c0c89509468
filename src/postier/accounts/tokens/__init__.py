"""What an OAuth access token is worth, for a server that takes one at login. This whole folder is pure: time is an argument."""
