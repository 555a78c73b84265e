package ai.sparktron.trainer.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Frequencies and tables of real configurations, as transformers 5.17 computes them. */
class RopeFrequenciesTest {

    static List<JsonNode> tables() throws IOException {
        JsonNode json = new ObjectMapper().readTree(Path.of("src/test/resources/reference-cases/rope-tables.json").toFile());
        List<JsonNode> tables = new ArrayList<>();
        json.forEach(tables::add);
        assertTrue(tables.size() >= 7);
        return tables;
    }

    @ParameterizedTest
    @MethodSource("tables")
    void agreesWithTransformers(JsonNode table) {
        ModelConfig config = ConfigReader.parse(table.get("config").toString(), table.get("name").asText());
        RopeFrequencies ours = RopeFrequencies.of(config.rope(), config.headSize(), 1);
        JsonNode inverse = table.get("inverse");
        assertEquals(config.headSize() / 2, inverse.size());
        assertEquals(table.get("attention_factor").doubleValue(), ours.attentionFactor(), 1e-6);
        for (int i = 0; i < inverse.size(); i++) {
            double expected = inverse.get(i).doubleValue();
            assertEquals(expected, ours.inverse()[i], 5e-7 * expected, "inverse " + i);
        }
        int half = inverse.size();
        JsonNode positions = table.get("positions");
        float[] made = ours.cosSin(positions.get(positions.size() - 1).intValue() + 1);
        for (int p = 0; p < positions.size(); p++) {
            int position = positions.get(p).intValue();
            // One unit in the last place of a frequency is 6e-8 of the angle.
            double tolerance = 1e-6 + 1.2e-7 * position;
            for (int i = 0; i < half; i++) {
                assertEquals(table.get("cos").get(p).get(i).doubleValue(), made[position * 2 * half + i], tolerance, "cos " + position + " " + i);
                assertEquals(table.get("sin").get(p).get(i).doubleValue(), made[position * 2 * half + half + i], tolerance, "sin " + position + " " + i);
            }
        }
    }
}
