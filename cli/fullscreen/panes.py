"""A list of lines that scrolls: only the lines in sight are made, however long the list is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cli.fullscreen import content

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.fullscreen.content import PaneLine


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """A pane of lines with a cursor on one of them.

    Attributes:
        cursor: the line under the cursor; it is drawn while the pane has the focus.

    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--strong", "lines--changed", "lines--late", "lines--quiet", "lines--cursor",
    }  # fmt: skip

    def __init__(self, title: str, name: str) -> None:
        """Begin empty."""
        super().__init__(id=name)
        self.border_title = title
        self.cursor = 0
        self._count = 0
        self._line: Callable[[int], PaneLine] = lambda _: content.PaneLine("")

    def show(
        self, count: int, line: Callable[[int], PaneLine], *, cursor: int | None = None
    ) -> None:
        """Show N lines, each made when it comes into sight."""
        self._count, self._line = count, line
        self.virtual_size = Size(1, count)
        self.move(self.cursor if cursor is None else cursor)
        self.refresh()

    @property
    def columns(self) -> int:
        """The columns that a line may take."""
        return max(self.scrollable_content_region.width, 1)

    @property
    def page(self) -> int:
        """The lines in sight."""
        return max(self.scrollable_content_region.height, 1)

    def move(self, to: int) -> None:
        """Put the cursor on a line, and that line into sight."""
        self.cursor = min(max(to, 0), max(self._count - 1, 0))
        self.call_after_refresh(self._into_sight)
        self.refresh()

    def _into_sight(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    @property
    def current(self) -> PaneLine:
        """The line under the cursor."""
        return self._line(self.cursor)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        _, above = self.scroll_offset
        number = above + y
        style = self.rich_style
        if number >= self._count:
            return Strip.blank(self.size.width, style)
        line = self._line(number)
        if line.tone != content.PLAIN:
            style += self.get_component_rich_style(f"lines--{line.tone}", partial=True)
        if number == self.cursor and self.has_focus:
            style += self.get_component_rich_style("lines--cursor", partial=True)
        return Strip([Segment(line.text, style)]).adjust_cell_length(self.size.width, style)
