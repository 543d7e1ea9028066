"""What the integrations with agent frameworks share. No framework is imported here."""
