package ai.sparktron.notebooks;

import java.util.ArrayList;
import java.util.List;

/**
 * Named columns. Zeppelin shows them as a table that can be sorted, drawn and downloaded.
 *
 * @param columns names
 * @param rows    cells, one for each column
 */
public record Table(List<String> columns, List<List<String>> rows) implements Figure {

    public Table {
        columns = List.copyOf(columns);
        rows = rows.stream().map(List::copyOf).toList();
        if (columns.isEmpty()) {
            throw new IllegalArgumentException("a table without columns: expected at least one");
        }
        for (List<String> row : rows) {
            if (row.size() != columns.size()) {
                throw new IllegalArgumentException("row " + row + " has " + row.size() + " cells; expected " + columns.size() + ", one for each of " + columns);
            }
        }
    }

    /** A table without rows yet. */
    public static Table of(String... columns) {
        return new Table(List.of(columns), List.of());
    }

    /** The same with one more row. */
    public Table row(String... cells) {
        List<List<String>> more = new ArrayList<>(rows);
        more.add(List.of(cells));
        return new Table(columns, more);
    }

    @Override
    public String html() {
        StringBuilder html = new StringBuilder("<table style=\"border-collapse:collapse;font:13px sans-serif\"><thead><tr>");
        columns.forEach(name -> html.append("<th style=\"text-align:left;padding:2px 12px;border-bottom:1px solid #999\">").append(Html.escape(name)).append("</th>"));
        html.append("</tr></thead><tbody>");
        for (List<String> row : rows) {
            html.append("<tr>");
            row.forEach(cell -> html.append("<td style=\"padding:2px 12px\">").append(Html.escape(cell)).append("</td>"));
            html.append("</tr>");
        }
        return html.append("</tbody></table>").toString();
    }

    /** The table with its cells parted by tabs; tabs and line breaks inside a cell become spaces. */
    @Override
    public String zeppelin() {
        StringBuilder text = new StringBuilder("%table ");
        line(text, columns);
        rows.forEach(row -> line(text, row));
        return text.toString();
    }

    private static void line(StringBuilder text, List<String> cells) {
        for (int i = 0; i < cells.size(); i++) {
            String cell = cells.get(i).replaceAll("[\\t\\n\\r]", " ");
            // A line that begins with a percent sign would be taken for a display system.
            text.append(i == 0 ? "" : "\t").append(i == 0 && cell.startsWith("%") ? " " : "").append(cell);
        }
        text.append('\n');
    }
}
