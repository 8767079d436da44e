"""Saved models as folders: written atomically, read strictly, never unpickled.

    saving.save_folder(model, folder, wrapping)    a model to a folder
    opening.open_model(source, device, dtype)      a model from a folder's or the cache's files
    opening.folder_source(folder)                  a folder as a Source
    meta.meta_parameters()                         builds modules whose parameters take no memory
    card.Card, card.Metric                         what README.md says

Nothing is imported here: `sources` and `remembered` are free of torch, the others aren't.
"""
