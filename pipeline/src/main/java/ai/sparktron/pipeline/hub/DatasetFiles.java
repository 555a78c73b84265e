package ai.sparktron.pipeline.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * Which files of a dataset repository hold the rows of its training split. The {@code configs} of the dataset card decide where there are any;
 * otherwise names do: data files of the commonest kind, those of a train split if any names one, never those of test and validation splits.
 */
public final class DatasetFiles {

    /** Endings of files that hold rows. */
    private static final List<String> KINDS = List.of("jsonl", "json", "csv", "parquet", "txt");
    private static final Set<String> NOT_DATA = Set.of("dataset_infos.json", "dataset_info.json", "state.json", "config.json", "configuration.json",
            "requirements.txt", "license.txt", "readme.txt", "package.json");
    private static final Pattern TRAIN = Pattern.compile("(?i)(^|.*[-_./ ])(train|training)([-_./ ].*|$)");
    private static final Pattern HELD_OUT = Pattern.compile("(?i)(^|.*[-_./ ])(test|testing|eval|evaluation|val|valid|validation|dev)([-_./ ].*|$)");

    private final HubClient client;

    public DatasetFiles(HubClient client) {
        this.client = client;
    }

    /**
     * Downloads the training rows of a dataset.
     *
     * @param subsets names from the specification ({@code id:subset1/subset2}); empty = the default subset
     * @return the snapshot; its files are in the order of subsets, then paths
     */
    public HubClient.Snapshot fetch(String id, String revision, List<String> subsets) {
        HubClient.Snapshot card = client.snapshot(RepoKind.DATASET, id, revision, all -> {
            List<HubFile> found = FilePatterns.of(List.of("README.md")).select(all);
            return found.isEmpty() ? select(all, null, subsets, id) : found;
        });
        boolean hasCard = card.files().size() == 1 && card.files().get(0).path().equals("README.md");
        if (!hasCard) {
            return card;
        }
        String text = read(card);
        return client.snapshot(RepoKind.DATASET, id, revision, all -> select(all, text, subsets, id));
    }

    private static String read(HubClient.Snapshot card) {
        try {
            return Files.readString(card.directory().resolve("README.md"));
        } catch (IOException fault) {
            throw new HubException("cannot read the dataset card " + card.directory().resolve("README.md") + ": " + fault, fault);
        }
    }

    /** The rule itself, on a listing and the card's text (null without a card). */
    static List<HubFile> select(List<HubFile> all, String card, List<String> subsets, String id) {
        Map<String, List<String>> configs = card == null ? Map.of() : trainGlobs(card, id);
        if (!configs.isEmpty()) {
            List<HubFile> files = new ArrayList<>();
            for (String subset : subsets.isEmpty() ? List.of(configs.containsKey("default") ? "default" : configs.keySet().iterator().next())
                    : subsets) {
                List<String> globs = configs.get(subset);
                if (globs == null) {
                    throw new HubException("dataset '" + id + "' has no subset '" + subset + "'; it has " + String.join(", ", configs.keySet())
                            + ". Write it as " + id + ":SUBSET");
                }
                List<HubFile> matched = sorted(FilePatterns.of(globs).select(all));
                if (matched.isEmpty()) {
                    throw new HubException("the card of dataset '" + id + "' names " + globs + " for the training rows of subset '" + subset
                            + "', but no file matches");
                }
                files.addAll(matched);
            }
            return files;
        }
        List<HubFile> files = new ArrayList<>();
        if (subsets.isEmpty() || subsets.equals(List.of("default"))) {
            return byName(all);
        }
        for (String subset : subsets) {
            List<HubFile> matched = byName(all.stream().filter(file -> belongsTo(file.path(), subset)).toList());
            if (matched.isEmpty()) {
                TreeSet<String> names = new TreeSet<>();
                byName(all).forEach(file -> names.add(file.path()));
                throw new HubException("dataset '" + id + "' has no subset '" + subset + "': its card lists none, and no data file or folder is "
                        + "called so. Its data files are " + names);
            }
            files.addAll(matched);
        }
        return files;
    }

    private static boolean belongsTo(String path, String subset) {
        if (path.startsWith(subset + "/") || path.contains("/" + subset + "/")) {
            return true;
        }
        String name = path.substring(path.lastIndexOf('/') + 1);
        return name.startsWith(subset) && name.length() > subset.length() && "._-".indexOf(name.charAt(subset.length())) >= 0;
    }

    private static List<HubFile> byName(List<HubFile> all) {
        Map<String, List<HubFile>> kinds = new LinkedHashMap<>();
        for (HubFile file : all) {
            String kind = kindOf(file.path());
            if (kind != null) {
                kinds.computeIfAbsent(kind, key -> new ArrayList<>()).add(file);
            }
        }
        List<HubFile> commonest = List.of();
        for (String kind : KINDS) {
            List<HubFile> files = kinds.getOrDefault(kind, List.of());
            if (files.size() > commonest.size() && !(kind.equals("txt") && !commonest.isEmpty())) {
                commonest = files;
            }
        }
        List<HubFile> train = commonest.stream().filter(file -> TRAIN.matcher(file.path()).matches()).toList();
        return sorted(!train.isEmpty() ? train : commonest.stream().filter(file -> !HELD_OUT.matcher(file.path()).matches()).toList());
    }

    private static String kindOf(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
        if (NOT_DATA.contains(name) || name.startsWith(".")) {
            return null;
        }
        String plain = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
        String ending = plain.substring(plain.lastIndexOf('.') + 1);
        return KINDS.contains(ending) ? ending : null;
    }

    private static List<HubFile> sorted(List<HubFile> files) {
        return files.stream().sorted(Comparator.comparing(HubFile::path)).toList();
    }

    /** Subset name to globs of its train split, from the card's YAML head; the subset marked default comes under that name too. */
    private static Map<String, List<String>> trainGlobs(String card, String id) {
        if (!card.startsWith("---")) {
            return Map.of();
        }
        int end = card.indexOf("\n---", 3);
        JsonNode head;
        try {
            head = new ObjectMapper().valueToTree(
                    new Yaml(new SafeConstructor(new LoaderOptions())).<Object>load(end < 0 ? "" : card.substring(3, end)));
        } catch (YAMLException fault) {
            throw new HubException("the card (README.md) of dataset '" + id + "' has a broken YAML head: " + fault.getMessage(), fault);
        }
        Map<String, List<String>> configs = new LinkedHashMap<>();
        for (JsonNode config : head == null ? List.<JsonNode>of() : head.path("configs")) {
            List<String> globs = new ArrayList<>();
            collectTrain(config.path("data_files"), globs);
            if (globs.isEmpty() && config.hasNonNull("data_dir")) {
                globs.add(config.get("data_dir").asText() + "/**");
            }
            if (!globs.isEmpty()) {
                configs.put(config.path("config_name").asText("default"), globs);
                if (config.path("default").asBoolean(false)) {
                    configs.putIfAbsent("default", globs);
                }
            }
        }
        return configs;
    }

    private static void collectTrain(JsonNode files, List<String> globs) {
        if (files.isTextual()) {
            globs.add(files.asText());
        } else if (files.isArray()) {
            files.forEach(entry -> collectTrain(entry, globs));
        } else if (files.isObject() && files.path("split").asText("train").equals("train")) {
            collectTrain(files.path("path"), globs);
        }
    }
}
