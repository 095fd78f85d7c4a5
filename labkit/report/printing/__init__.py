"""From a report's tree to the page: HTML that stands alone, and a PDF whose pages are filled."""
