// A file of its own: the page's Content-Security-Policy allows no script inside the page.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  // The page's policy lets it talk to its own address only, and the document names no other.
  validatorUrl: null,
});
