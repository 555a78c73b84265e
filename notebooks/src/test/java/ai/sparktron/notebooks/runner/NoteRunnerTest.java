package ai.sparktron.notebooks.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;

/** A runner that lets a broken note pass proves nothing. */
class NoteRunnerTest {

    private static Note.Paragraph paragraph(String title, String interpreter, String text) {
        return new Note.Paragraph(title, interpreter, text);
    }

    private static String failure(Note.Paragraph... paragraphs) {
        SparkConf conf = new SparkConf(false).setMaster("local[1]").set("spark.ui.enabled", "false").set("spark.driver.host", "127.0.0.1")
                .set("spark.driver.bindAddress", "127.0.0.1");
        return assertThrows(NoteException.class, () -> NoteRunner.run(new Note("a note", List.of(paragraphs)), conf, Map.of())).getMessage();
    }

    @Test
    void aBrokenParagraphIsNamedWithWhatTheInterpreterSays() {
        String message = failure(paragraph("first", "spark", "val rows = spark.range(10).count"), paragraph("second", "spark", "println(rows + 1)\nrows.foo"),
                paragraph("third", "spark", "sys.error(\"never reached\")"));
        assertTrue(message.contains("'second' of a note") && message.contains("value foo is not a member of Long"), message);
        assertFalse(message.contains("never reached"), message);
    }

    @Test
    void whatIsWrongWithANoteAsSuchIsFoundBeforeAnythingRuns() {
        Note.Paragraph spark = paragraph("go", "spark", "sys.error(\"it ran\")");
        assertTrue(failure(spark, paragraph("late", "spark.conf", "spark.jars a.jar")).contains("'late'"));
        assertTrue(failure(spark, paragraph("py", "spark.pyspark", "1")).contains("%spark.pyspark"));
        assertTrue(failure(spark, spark).contains("only one with this title"));
    }

    @Test
    void onlyLinesThatRunToTheirEndSucceed() {
        try (ScalaRepl repl = new ScalaRepl()) {
            assertEquals("7\n", repl.run("println(3 + 4)").printed());
            assertEquals("java\n", repl.run("System.out.println(\"java\")").printed());
            ScalaRepl.Outcome thrown = repl.run("println(\"before\")\nthrow new IllegalStateException(\"broken pipe\")");
            assertFalse(thrown.succeeded());
            assertTrue(thrown.messages().contains("broken pipe"), thrown.messages());
            assertEquals("before\n", thrown.printed());
            assertFalse(repl.run("val half = (1 +").succeeded(), "a paragraph that ends in the middle of an expression");
            assertFalse(repl.run("val text: Int = \"a\"").succeeded());
            assertTrue(repl.run("val afterwards = 1").succeeded(), "a failure does not spoil what comes after");
        }
    }

    @Test
    void outputIsCutWhereZeppelinCutsIt() {
        List<Display> pieces = Display.of("hello\n%table a\tb\n1\t2\n3\t\n%html\n<b>100 %</b>\n");
        assertEquals(List.of("text", "table", "html"), pieces.stream().map(Display::kind).toList());
        assertEquals(List.of(List.of("1", "2"), List.of("3", "")), pieces.get(1).rows());
        assertEquals("<b>100 %</b>\n", pieces.get(2).content());
    }
}
