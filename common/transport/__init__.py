"""The fast way for calls over RabbitMQ: one connection a process, read and written without detours.

The messages are those of Nameko, byte for byte what its own classes understand. What is left out is the
machinery around each of them: kombu's pools, retries and message objects, a green thread for each frame,
confirms and disk writes for requests that live for milliseconds. ``RPC_TRANSPORT=stock`` goes back to
Nameko's classes.

``frames`` is AMQP on the wire, ``acks`` what is still to be acknowledged, ``link`` the connection.
"""
