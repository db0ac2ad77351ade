"""No module imports itself through others. `lint-imports` checks packages; here every module counts, imports in
functions included."""

from graphlib import TopologicalSorter

import grimp


def test_modules_import_in_one_direction() -> None:
    graph = grimp.build_graph(
        "anneal", "cli", "deploy", "services", "shared", "tools", exclude_type_checking_imports=True
    )
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules
    assert len(imports) > 400
