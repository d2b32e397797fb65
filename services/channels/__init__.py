"""How sales channels speak: their payloads as they write them, understood."""
