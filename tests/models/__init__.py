"""Four small models, one of each shape that the interfaces must carry."""
