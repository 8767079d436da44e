"""Bridge from diffusers: its pipelines and autoencoders behind the interfaces of the zoo."""
