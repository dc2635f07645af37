"""The attack list: what somebody might try against the web side, each a test over real HTTP."""
