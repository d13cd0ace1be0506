"""The expression language: nodes, their constructors, and the operations on tensors."""
