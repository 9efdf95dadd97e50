"""From facts to mails: the ledger of messages, and the broker's topology seen from outside."""
