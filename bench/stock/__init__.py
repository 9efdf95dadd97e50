"""The baseline: the benchmark's part of the contract on stock Nameko 2.14.1, as its documentation teaches it.

Registration, login, and the creation, reading and listing of todos, through a gateway over HTTP; five
processes, as the suite has them, on the same servers. Users and their sessions lie in PostgreSQL, todos in
MongoDB, the token is verified in the gateway and again in the service, the todos have the same fields, and
the indexes that the queries need are there. ``todo_created`` and ``user_logged_in`` are dispatched with
confirms, and the messaging service stores them. Workers, pools and transport are Nameko's own defaults.

It leaves out what the suite does beyond that: no outbox (an event is lost when the process dies between
write and dispatch, and stored twice when it is delivered twice), no mails, no revocation of tokens, no
deadlines or breakers, no rate limits, no filters, cursors or entity tags, no idempotency keys, no metrics.
A ratio of 1 means that the suite does all that in the same time.
"""
