"""Where the first version's client lives: ``from protomesh.sdk.client import ProtoMeshClient``."""
