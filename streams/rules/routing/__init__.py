"""Which service carries which shipment: small rules that refuse, signals that rank, one record."""
