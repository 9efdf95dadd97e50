"""The API as documents, made from the code: OpenAPI for the routes, AsyncAPI for the events."""
