"""Great Expectations' own pages of a checked contract: every suite and every result, as a site in a folder.

Its pages take their styles and the list on the first one from a public network; `page.py` makes one that needs nothing.
"""

import shutil
from pathlib import Path

from great_expectations.data_context import EphemeralDataContext

from mova_core.storage.atomic import clear_temporary, make_folder


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
