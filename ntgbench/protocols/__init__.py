"""The bundled protocols, one TOML each."""
