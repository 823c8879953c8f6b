"""Great Expectations' own pages of a checked contract: every suite and every result, as a site in a folder.

Its pages take their styles and the list on the first one from a public network; `page.py` makes one that needs nothing.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import great_expectations as gx
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from mova_core.storage.atomic import clear_temporary, make_folder


def keep_for_docs(
    context: EphemeralDataContext, suite: gx.ExpectationSuite, results: list[ExpectationValidationResult]
) -> None:
    """Let the pages show a suite that was judged piece by piece as one."""
    now = datetime.now(UTC)
    run_id = RunIdentifier(run_time=now)
    held = sum(bool(one.success) for one in results)
    whole = ExpectationSuiteValidationResult(
        success=held == len(results),
        results=results,
        suite_name=suite.name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": held,
            "unsuccessful_expectations": len(results) - held,
            "success_percent": 100 * held / len(results),
        },
        meta={"run_id": run_id, "validation_time": now},
    )
    suite_id = ExpectationSuiteIdentifier(suite.name)
    context.validation_results_store.store_validation_results(
        whole, ValidationResultIdentifier(suite_id, run_id, suite.name), suite_id
    )


def build_data_docs(context: EphemeralDataContext, folder: Path) -> None:
    """Replace `folder` by a site of what this context has validated; its first page is `index.html`.

    Raises:
        UsageError: the folder cannot be written to.
    """
    make_folder(folder.parent)
    clear_temporary(folder.parent)
    building = folder.parent / f".tmp-{folder.name}"
    context.add_data_docs_site(
        site_name=folder.name,
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(building.resolve())},
        },
    )
    context.build_data_docs(site_names=[folder.name])
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)
