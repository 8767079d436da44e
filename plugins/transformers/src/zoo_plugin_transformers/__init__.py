"""Bridge from transformers: its models behind the interfaces of the zoo."""
