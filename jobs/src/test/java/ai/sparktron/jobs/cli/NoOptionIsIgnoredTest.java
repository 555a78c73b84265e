package ai.sparktron.jobs.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.config.Concern;
import ai.sparktron.trainer.config.Option;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.Status;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Every option that is said to be built is read by code that does something with it; checking it against other options does not count. */
class NoOptionIsIgnoredTest {

    private static final Set<String> CHECKS = Set.of("CrossChecks", "ModelChecks", "PreferenceChecks");
    /** Read otherwise than through their accessor: by the parser, by the entry point's own look at the words, by a method of the record. */
    private static final Set<String> READ_OTHERWISE = Set.of("ProgramOptions.config", "ProgramOptions.debug", "CheckpointOptions.maxShardSize",
            "ExportOptions.maxShardSize", "PlanOptions.gpuMemory", "PreferenceOptions.lossType", "PreferenceOptions.calculateKl");

    @Test
    void everyBuiltOptionIsRead() {
        JavaClasses classes = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("ai.sparktron");
        List<String> ignored = new ArrayList<>();
        int checked = 0;
        for (RecordComponent concern : Options.class.getRecordComponents()) {
            if (!concern.getType().isAnnotationPresent(Concern.class)) {
                continue;
            }
            for (RecordComponent component : concern.getType().getRecordComponents()) {
                String name = concern.getType().getSimpleName() + "." + component.getName();
                if (canDiffer(component.getAnnotation(Option.class)) && !READ_OTHERWISE.contains(name)) {
                    checked++;
                    if (!isRead(classes.get(concern.getType()).getMethod(component.getName()))) {
                        ignored.add(name);
                    }
                }
            }
        }
        assertTrue(checked > 90, "options checked: " + checked);
        assertEquals(List.of(), ignored, "these are said to be built, but nothing reads them");
    }

    /** An option with one possible value needs no reader. */
    private static boolean canDiffer(Option option) {
        return option.status() == Status.BUILT && (option.of().length == 0 || option.of().length - option.planned().length > 1);
    }

    private static boolean isRead(JavaMethod accessor) {
        return accessor.getAccessesToSelf().stream().anyMatch(access -> !CHECKS.contains(access.getOriginOwner().getSimpleName()));
    }
}
