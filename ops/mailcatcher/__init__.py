"""A mail server that delivers nothing: it keeps every mail and shows it on a web page.

    python -m ops.mailcatcher --smtp 127.0.0.1:1025 --http 127.0.0.1:8025 --directory .local/mail

For tests it can be told to refuse or to delay mails (`PUT /api/faults`), and it
lists every attempt to hand it one (`GET /api/attempts`).
"""
