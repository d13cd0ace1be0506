"""Linear algebra by its NumPy and SciPy names."""

from derive.linalg.decompositions.cholesky import cholesky, ldl
from derive.linalg.decompositions.determinants import slogdet
from derive.linalg.decompositions.eig import eig, eigvals
from derive.linalg.decompositions.eigen import eigh, eigvalsh
from derive.linalg.decompositions.lu import lu
from derive.linalg.decompositions.qr import qr
from derive.linalg.decompositions.svd import svd, svdvals
from derive.linalg.decompositions.triangular import lower_half, solve_triangular
from derive.linalg.functions.frechet import (
    expm_frechet,
    logm_frechet,
    matrix_power_frechet,
    sqrtm_frechet,
)
from derive.linalg.functions.general import expm, logm, matrix_power, sqrtm
from derive.linalg.functions.singular import low_rank, low_rank_error, polar, singular_function
from derive.linalg.functions.spectral import spectral_function
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
from derive.linalg.matrices.special import (
    block,
    block_diag,
    circulant,
    diagonal,
    hankel,
    toeplitz,
)
from derive.linalg.matrices.stacking import (
    commutation_matrix,
    duplication_matrix,
    elimination_matrix,
    vec,
    vech,
)
from derive.linalg.statistics.densities import mahalanobis, wishart_log_density
from derive.linalg.statistics.gaussian_process import log_marginal_likelihood
from derive.linalg.statistics.least_squares import lstsq, pinv, ridge
from derive.linalg.statistics.principal_components import PrincipalComponents, cca, pca, whiten
from derive.linalg.tensors.networks import (
    cp,
    cp_dot,
    khatri_rao,
    mode_product,
    mttkrp,
    tucker,
    unfold,
)
from derive.linalg.tensors.train import tensor_train, tensor_train_dot, tt_svd
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
