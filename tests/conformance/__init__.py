"""The kit, tested: broken models that it must catch, and right ones on which it must be silent."""
