"""Reference data that people keep: sellers, origins, shops, products, certificates, partners."""
