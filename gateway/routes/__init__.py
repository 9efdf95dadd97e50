"""The routes, grouped as the API is: each calls one service and renders its answer."""
