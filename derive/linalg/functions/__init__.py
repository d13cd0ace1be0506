"""Functions of matrices: of symmetric ones, of singular values, of square ones in general."""
