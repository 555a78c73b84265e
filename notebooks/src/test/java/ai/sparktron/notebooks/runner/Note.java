package ai.sparktron.notebooks.runner;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A Zeppelin note.
 *
 * @param name       its title
 * @param paragraphs in order
 */
public record Note(String name, List<Paragraph> paragraphs) {

    /**
     * A paragraph.
     *
     * @param title       what is over it, or "paragraph N"
     * @param interpreter the word behind the percent sign of its first line: {@code spark}, {@code spark.conf}, {@code md}
     * @param text        what follows
     */
    public record Paragraph(String title, String interpreter, String text) {
    }

    public Note {
        paragraphs = List.copyOf(paragraphs);
    }

    /** Reads a {@code .zpln} file. @throws IllegalArgumentException when it is not a note or a paragraph names no interpreter */
    public static Note read(Path file) throws IOException {
        JsonNode root = new ObjectMapper().readTree(file.toFile());
        if (!root.path("paragraphs").isArray() || root.path("paragraphs").isEmpty()) {
            throw new IllegalArgumentException(file + ": expected a note with paragraphs");
        }
        if (!file.getFileName().toString().equals(root.path("name").asText() + "_" + root.path("id").asText() + ".zpln")) {
            throw new IllegalArgumentException(file + ": Zeppelin expects the file name NAME_ID.zpln, which is " + root.path("name").asText() + "_"
                    + root.path("id").asText() + ".zpln");
        }
        List<Paragraph> paragraphs = new ArrayList<>();
        for (JsonNode paragraph : root.path("paragraphs")) {
            String title = paragraph.path("title").asText("paragraph " + (paragraphs.size() + 1));
            paragraphs.add(paragraph(title, paragraph.path("text").asText()));
        }
        return new Note(root.path("name").asText(), paragraphs);
    }

    private static Paragraph paragraph(String title, String text) {
        int end = text.indexOf('\n');
        if (!text.startsWith("%") || end < 0) {
            throw new IllegalArgumentException(title + ": expected a first line like %spark, and more behind it");
        }
        return new Paragraph(title, text.substring(1, end).trim(), text.substring(end + 1));
    }
}
