"""gin files; a package, because gin resolves include paths through packages."""
