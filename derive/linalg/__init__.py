"""Linear algebra by its NumPy and SciPy names."""

from derive.linalg.cholesky import cholesky, ldl
from derive.linalg.determinants import slogdet
from derive.linalg.eig import eig, eigvals
from derive.linalg.eigen import eigh, eigvalsh
from derive.linalg.frechet import (
    expm_frechet,
    logm_frechet,
    matrix_power_frechet,
    sqrtm_frechet,
)
from derive.linalg.functions import expm, logm, matrix_power, sqrtm
from derive.linalg.gaussian_process import log_marginal_likelihood
from derive.linalg.graphs import (
    adjacency,
    degree,
    dirichlet_energy,
    edge_energy,
    laplacian,
    laplacian_product,
    spectral_embedding,
)
from derive.linalg.krylov import arnoldi, expm_multiply, lanczos
from derive.linalg.least_squares import lstsq, pinv, ridge
from derive.linalg.lu import lu
from derive.linalg.principal_components import PrincipalComponents, cca, pca, whiten
from derive.linalg.qr import qr
from derive.linalg.singular import low_rank, low_rank_error, polar, singular_function
from derive.linalg.special_matrices import (
    block,
    block_diag,
    circulant,
    diagonal,
    hankel,
    toeplitz,
)
from derive.linalg.spectral import spectral_function
from derive.linalg.stacking import (
    commutation_matrix,
    duplication_matrix,
    elimination_matrix,
    vec,
    vech,
)
from derive.linalg.statistics import mahalanobis, wishart_log_density
from derive.linalg.svd import svd, svdvals
from derive.linalg.tensor_networks import (
    cp,
    cp_dot,
    khatri_rao,
    mode_product,
    mttkrp,
    tucker,
    unfold,
)
from derive.linalg.tensor_train import tensor_train, tensor_train_dot, tt_svd
from derive.linalg.triangular import lower_half, solve_triangular
from derive.tensor.assumptions import assume
from derive.tensor.linear import det, diag, eye, inv, kron, logdet, solve, trace, tril, triu
from derive.tensor.reductions import norm

__all__ = [
    "adjacency",
    "arnoldi",
    "assume",
    "block",
    "block_diag",
    "cholesky",
    "circulant",
    "commutation_matrix",
    "cp",
    "cp_dot",
    "degree",
    "det",
    "diag",
    "diagonal",
    "dirichlet_energy",
    "duplication_matrix",
    "edge_energy",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "elimination_matrix",
    "expm",
    "expm_frechet",
    "eye",
    "hankel",
    "inv",
    "khatri_rao",
    "expm_multiply",
    "kron",
    "lanczos",
    "laplacian",
    "laplacian_product",
    "ldl",
    "log_marginal_likelihood",
    "logdet",
    "logm",
    "logm_frechet",
    "lower_half",
    "low_rank",
    "low_rank_error",
    "polar",
    "singular_function",
    "PrincipalComponents",
    "cca",
    "pca",
    "whiten",
    "mahalanobis",
    "wishart_log_density",
    "lu",
    "matrix_power",
    "matrix_power_frechet",
    "mode_product",
    "mttkrp",
    "norm",
    "qr",
    "lstsq",
    "pinv",
    "ridge",
    "slogdet",
    "solve",
    "solve_triangular",
    "spectral_embedding",
    "spectral_function",
    "sqrtm",
    "sqrtm_frechet",
    "svd",
    "svdvals",
    "tensor_train",
    "tensor_train_dot",
    "toeplitz",
    "trace",
    "tril",
    "triu",
    "tt_svd",
    "tucker",
    "unfold",
    "vec",
    "vech",
]
