/* Classes of events: which specs an event is an occurrence of, by its name and its properties'
 * value classes. For each name the map has a place for every combination of what its specs tell
 * apart; where these are too many, specs are asked event by event (they become generic). */
#include "ls_match_sets.h"

/* ---- names of events, and the tables that their specs read ----------------------------------- */

static void name_specs(ls_binding *binding)
{
    const ls_dictionary *names = &binding->dataset->events.event.dictionary;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_occurrences *occurrences = binding->specs[i].occurrences;
        for (size_t j = 0; occurrences && j < occurrences->event_count; j++) {
            uint32_t code = ls_dictionary_find(names, occurrences->events[j].text,
                                               occurrences->events[j].length);
            if (code != LS_NO_CODE && code != 0) {
                binding->event_specs[code * binding->spec_words + i / 64] |= UINT64_C(1)
                                                                             << (i % 64);
            }
        }
    }
}

static bool names_event(const ls_binding *binding, size_t code, size_t spec)
{
    return (binding->event_specs[code * binding->spec_words + spec / 64] >> (spec % 64) & 1) != 0;
}

static bool filter_reads(const ls_filter *filter, uint32_t property)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        return filter->property == property;
    }
    for (size_t i = 0; i < filter->count; i++) {
        if (filter_reads(&filter->children[i], property)) {
            return true;
        }
    }
    return false;
}

static bool spec_reads(const ls_spec *spec, uint32_t property)
{
    const ls_occurrences *occurrences = spec->occurrences;
    return (occurrences->where && filter_reads(occurrences->where, property)) ||
           (occurrences->choice.kind != LS_CHOICE_NONE && occurrences->choice.property == property);
}

static bool is_mapped(const ls_binding *binding, uint32_t property)
{
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        if (spec->occurrences && !spec->generic && spec_reads(spec, property)) {
            return true;
        }
    }
    return false;
}

/* Whether some spec that is (not) generic names the event. */
static bool is_named(const ls_binding *binding, size_t code, bool generic)
{
    for (size_t word = 0; word < binding->spec_words; word++) {
        uint64_t bits = binding->event_specs[code * binding->spec_words + word];
        for (; bits; bits &= bits - 1) {
            if (binding->specs[word * 64 + (size_t)__builtin_ctzll(bits)].generic == generic) {
                return true;
            }
        }
    }
    return false;
}

/* The specs of one event that classes tell apart. */
static size_t list_mapped(const ls_binding *binding, size_t code, uint32_t *specs)
{
    size_t count = 0;
    for (size_t word = 0; word < binding->spec_words; word++) {
        uint64_t bits = binding->event_specs[code * binding->spec_words + word];
        for (; bits; bits &= bits - 1) {
            size_t spec = word * 64 + (size_t)__builtin_ctzll(bits);
            if (!binding->specs[spec].generic) {
                specs[count++] = (uint32_t)spec;
            }
        }
    }
    return count;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* What is needed while the map is made. */
typedef struct mapper {
    ls_binding *binding;
    size_t spec_count;
    uint32_t *specs; /* of the event that is looked at */
    /* How value classes of one property fall together for this event: */
    size_t mask_size, slot_count;
    unsigned char *mask; /* the bytes of a record that its specs ask */
    uint32_t *slots;
    /* By event code and map table: of samples, one value class for each that the event tells
     * apart. */
    uint32_t *sample_first, *sample_counts;
    size_t sample_count, sample_capacity, slots_capacity, mask_capacity;
    uint32_t *samples;
    uint32_t *classes; /* by property: of one combination */
    /* The event of the most combinations, and its property of the most classes: */
    size_t most, most_code;
    uint32_t widest;
} mapper;

static void mask_filter(const mapper *mapper, const ls_filter *filter, uint32_t property)
{
    if (filter->kind == LS_FILTER_PROPERTY && filter->property == property) {
        mapper->mask[mapper->binding->atom_place[filter->atom]] = 0xff;
    }
    for (size_t i = 0; filter->kind <= LS_FILTER_NONE && i < filter->count; i++) {
        mask_filter(mapper, &filter->children[i], property);
    }
}

/* Masks what the event's specs ask of the property; false: nothing. */
static bool mask_questions(mapper *mapper, uint32_t property)
{
    const ls_property_table *table = &mapper->binding->tables[property];
    bool any = false;
    memset(mapper->mask, 0, table->record_size);
    for (size_t i = 0; i < mapper->spec_count; i++) {
        const ls_spec *spec = &mapper->binding->specs[mapper->specs[i]];
        const ls_choice *choice = &spec->occurrences->choice;
        if (!spec_reads(spec, property)) {
            continue;
        }
        any = true;
        if (spec->occurrences->where) {
            mask_filter(mapper, spec->occurrences->where, property);
        }
        if (choice->kind != LS_CHOICE_NONE && choice->property == property) {
            memset(mapper->mask + (table->atom_count + 7) / 8 * 8 +
                       spec->choice * sizeof(ls_outcome),
                   0xff, sizeof(ls_outcome));
        }
    }
    return any;
}

LS_INLINE uint64_t masked_word(const mapper *mapper, const unsigned char *record, size_t i)
{
    uint64_t word, mask;
    memcpy(&word, record + i, sizeof word);
    memcpy(&mask, mapper->mask + i, sizeof mask);
    return word & mask;
}

static size_t find_sample(const mapper *mapper, const ls_property_table *table,
                          const uint32_t *samples, uint32_t class)
{
    const unsigned char *record = ls_table_record(table, class);
    uint64_t hash = 0;
    for (size_t i = 0; i < table->record_size; i += sizeof hash) {
        hash = ls_mix(hash, masked_word(mapper, record, i));
    }
    size_t slot = (size_t)hash & (mapper->slot_count - 1);
    for (; mapper->slots[slot] != 0; slot = (slot + 1) & (mapper->slot_count - 1)) {
        const unsigned char *other = ls_table_record(table, samples[mapper->slots[slot] - 1]);
        uint64_t differ = 0;
        for (size_t i = 0; i < table->record_size; i += sizeof differ) {
            differ |= masked_word(mapper, record, i) ^ masked_word(mapper, other, i);
        }
        if (differ == 0) {
            break;
        }
    }
    return slot;
}

static int make_room(mapper *mapper, const ls_property_table *table)
{
    ls_binding *binding = mapper->binding;
    size_t slots = 16;
    while (slots < table->class_count * 2) {
        slots *= 2;
    }
    if (ls_grow(binding->context, &mapper->slots, &mapper->slots_capacity, slots,
                sizeof *mapper->slots) != LS_OK ||
        ls_grow(binding->context, &mapper->samples, &mapper->sample_capacity,
                mapper->sample_count + table->class_count, sizeof *mapper->samples) != LS_OK ||
        ls_grow(binding->context, &binding->map_parts, &binding->map_part_capacity,
                binding->map_part_count + table->class_count,
                sizeof *binding->map_parts) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    mapper->slot_count = slots;
    memset(mapper->slots, 0, slots * sizeof *mapper->slots);
    return LS_OK;
}

/* The parts of a property's value classes in the places of an event, which has so many
 * combinations of others already; these are then multiplied. */
static int add_table(mapper *mapper, size_t code, size_t k, size_t *size)
{
    ls_binding *binding = mapper->binding;
    const uint32_t property = binding->map_tables[k];
    const ls_property_table *table = &binding->tables[property];
    const size_t at = code * binding->map_table_count + k;
    const size_t first = k * binding->event_code_count + code;
    uint32_t found = 0;
    binding->map_first[first] = 0; /* nothing but zeros */
    mapper->sample_counts[at] = 0;
    if (!mask_questions(mapper, property)) {
        return LS_OK;
    }
    if (make_room(mapper, table) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    uint32_t *samples = mapper->samples + mapper->sample_count;
    binding->map_first[first] = (uint32_t)binding->map_part_count;
    mapper->sample_first[at] = (uint32_t)mapper->sample_count;
    for (uint32_t class = 0; class < table->class_count; class ++) {
        size_t slot = find_sample(mapper, table, samples, class);
        if (mapper->slots[slot] == 0) {
            samples[found++] = class;
            mapper->slots[slot] = found;
        }
        size_t part = (mapper->slots[slot] - 1) * *size;
        binding->map_parts[binding->map_part_count++] = (uint16_t)part; /* if there is room */
    }
    mapper->sample_counts[at] = found;
    mapper->sample_count += found;
    *size = *size * found > LS_MAX_COMBINATIONS ? LS_MAX_COMBINATIONS + 1 : *size * found;
    return LS_OK;
}

/* The property that the event tells the most classes of. */
static uint32_t widest_of(const mapper *mapper, size_t code)
{
    const ls_binding *binding = mapper->binding;
    uint32_t widest = LS_NO_CODE, most = 1;
    for (size_t k = 0; k < binding->map_table_count; k++) {
        uint32_t count = mapper->sample_counts[code * binding->map_table_count + k];
        if (count > most) {
            most = count;
            widest = binding->map_tables[k];
        }
    }
    return widest;
}

static int lay_out_event(mapper *mapper, size_t code, size_t *size)
{
    ls_binding *binding = mapper->binding;
    int status = LS_OK;
    *size = 1;
    mapper->spec_count = list_mapped(binding, code, mapper->specs);
    for (size_t k = 0; k < binding->map_table_count && status == LS_OK; k++) {
        status = add_table(mapper, code, k, size);
    }
    if (*size > mapper->most) {
        mapper->most = *size;
        mapper->most_code = code;
        mapper->widest = widest_of(mapper, code);
    }
    return status;
}

static int begin_map(mapper *mapper)
{
    ls_binding *binding = mapper->binding;
    size_t zeros = 1, record_size = sizeof(uint64_t);
    binding->map_table_count = binding->map_part_count = mapper->sample_count = 0;
    mapper->most = 0;
    for (uint32_t p = 0; p < binding->definition->property_count; p++) {
        if (binding->definition->properties[p].owner == LS_EVENT && is_mapped(binding, p)) {
            const ls_property_table *table = &binding->tables[p];
            binding->map_tables[binding->map_table_count++] = p;
            zeros = table->class_count > zeros ? table->class_count : zeros;
            record_size = table->record_size > record_size ? table->record_size : record_size;
        }
    }
    if (ls_grow(binding->context, &mapper->mask, &mapper->mask_capacity, record_size, 1) != LS_OK ||
        ls_grow(binding->context, &binding->map_parts, &binding->map_part_capacity, zeros,
                sizeof *binding->map_parts) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    memset(binding->map_parts, 0, zeros * sizeof *binding->map_parts);
    binding->map_part_count = zeros;
    memset(binding->map_first, 0,
           binding->event_code_count * binding->map_table_count * sizeof *binding->map_first);
    return LS_OK;
}

/* Lays the map out for what is not generic; *total: the number of places, 0: too many. */
static int lay_out_map(mapper *mapper, size_t *total)
{
    ls_binding *binding = mapper->binding;
    int status = begin_map(mapper);
    *total = 1; /* place 0: events that nothing names */
    for (size_t code = 0;
         code < binding->event_code_count && *total <= LS_MAX_COMBINATIONS && status == LS_OK;
         code++) {
        size_t size;
        binding->map_base[code] = 0;
        if (is_named(binding, code, false)) {
            binding->map_base[code] = (uint32_t)*total;
            status = lay_out_event(mapper, code, &size);
            *total += size;
        }
    }
    *total = *total > LS_MAX_COMBINATIONS ? 0 : *total;
    return status;
}

/* An event of fewer combinations is not what makes them too many. */
#define FEW_COMBINATIONS 16

/* Too many combinations: of the event that has the most, specs that read the property of which it
 * tells the most classes are asked event by event; if all have few, the names alone are too many,
 * and all are. */
static void demote_widest(const mapper *mapper)
{
    ls_binding *binding = mapper->binding;
    const bool names = mapper->most < FEW_COMBINATIONS || mapper->widest == LS_NO_CODE;
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        if (spec->occurrences && !spec->generic &&
            (names ||
             (names_event(binding, mapper->most_code, i) && spec_reads(spec, mapper->widest)))) {
            spec->generic = true;
            spec->way = ls_spec_kernel_way(spec);
        }
    }
}

/* The generic specs of each event, so that a kernel asks only those. */
static int list_generic(ls_binding *binding)
{
    size_t count = 0;
    for (int fill = 0; fill < 2; fill++) {
        count = 0;
        for (size_t code = 0; code < binding->event_code_count; code++) {
            binding->generic_first[code] = (uint32_t)count;
            for (size_t i = 0; is_named(binding, code, true) && i < binding->spec_count; i++) {
                if (binding->specs[i].generic && names_event(binding, code, i)) {
                    if (fill) {
                        binding->generic_specs[count] = (uint32_t)i;
                    }
                    count++;
                }
            }
        }
        binding->generic_first[binding->event_code_count] = (uint32_t)count;
        if (!fill) {
            binding->generic_specs =
                ls_allocate_zero(binding->context, count + 1, sizeof *binding->generic_specs);
            if (binding->generic_specs == NULL) {
                return LS_ERROR_MEMORY;
            }
        }
    }
    return LS_OK;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* What a filter says of one combination; classes: by property, its value class. */
static ls_truth filter_truth(const ls_binding *binding, const ls_filter *filter,
                             const uint32_t *classes)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        const ls_property_table *table = &binding->tables[filter->property];
        return (ls_truth)ls_table_record(
            table, classes[filter->property])[binding->atom_place[filter->atom]];
    }
    bool all = filter->kind == LS_FILTER_ALL;
    ls_truth truth = all ? LS_TRUE : LS_FALSE;
    for (size_t i = 0; i < filter->count; i++) {
        ls_truth child = filter_truth(binding, &filter->children[i], classes);
        truth = all ? ls_truth_and(truth, child) : ls_truth_or(truth, child);
    }
    return filter->kind == LS_FILTER_NONE ? ls_truth_not(truth) : truth;
}

/* Adds the specs that an event with these value classes is an occurrence of behind the last class.
 */
static int match_specs(const mapper *mapper, size_t *count)
{
    ls_binding *binding = mapper->binding;
    int status = LS_OK;
    *count = 0;
    for (size_t i = 0; i < mapper->spec_count && status == LS_OK; i++) {
        const ls_spec *spec = &binding->specs[mapper->specs[i]];
        if (spec->occurrences->where &&
            filter_truth(binding, spec->occurrences->where, mapper->classes) != LS_TRUE) {
            continue;
        }
        const ls_choice *choice = &spec->occurrences->choice;
        int64_t points = spec->occurrences->points;
        if (choice->kind != LS_CHOICE_NONE) {
            ls_outcome outcome = ls_table_outcome(&binding->tables[choice->property],
                                                  mapper->classes[choice->property], spec->choice);
            if (!outcome.applies) {
                continue;
            }
            points = outcome.points;
            if (outcome.too_large) {
                binding->fixed_bound = (ls_int128)LS_MAX_SUM * 2; /* every record is walked */
            }
        }
        status = ls_match_add(binding->context, &binding->classes, count, mapper->specs[i], points);
    }
    return status;
}

/* The next combination, as an odometer; false: there is none. */
static bool next_combination(const mapper *mapper, size_t code, uint32_t *digits)
{
    const ls_binding *binding = mapper->binding;
    for (size_t k = 0; k < binding->map_table_count; k++) {
        const size_t at = code * binding->map_table_count + k;
        if (mapper->sample_counts[at] == 0) {
            continue;
        }
        bool more = ++digits[k] < mapper->sample_counts[at];
        digits[k] = more ? digits[k] : 0;
        mapper->classes[binding->map_tables[k]] =
            mapper->samples[mapper->sample_first[at] + digits[k]];
        if (more) {
            return true;
        }
    }
    return false;
}

/* Fills the map for one event: every combination of what its specs tell apart. */
static int map_event(mapper *mapper, size_t code, uint32_t *digits)
{
    ls_binding *binding = mapper->binding;
    const size_t tables = binding->map_table_count;
    size_t place = binding->map_base[code];
    mapper->spec_count = list_mapped(binding, code, mapper->specs);
    memset(mapper->classes, 0, binding->definition->property_count * sizeof *mapper->classes);
    memset(digits, 0, tables * sizeof *digits);
    do {
        size_t count;
        if (match_specs(mapper, &count) != LS_OK ||
            ls_match_set(binding->context, &binding->classes, count,
                         &binding->class_map[place++]) != LS_OK) {
            return LS_ERROR_MEMORY;
        }
    } while (next_combination(mapper, code, digits));
    return LS_OK;
}

static int map_classes(mapper *mapper)
{
    ls_binding *binding = mapper->binding;
    uint32_t *digits =
        ls_allocate_zero(binding->context, binding->map_table_count + 1, sizeof *digits);
    int status =
        digits ? ls_match_sets_begin(binding->context, &binding->classes) : LS_ERROR_MEMORY;
    for (size_t code = 0; code < binding->event_code_count && status == LS_OK; code++) {
        if (is_named(binding, code, false)) {
            status = map_event(mapper, code, digits);
        }
    }
    ls_free(binding->context, digits, (binding->map_table_count + 1) * sizeof *digits);
    return status;
}

static int make_map(mapper *mapper)
{
    ls_binding *binding = mapper->binding;
    const size_t cells = binding->event_code_count * (binding->definition->property_count + 1);
    mapper->specs = ls_allocate_zero(binding->context, binding->spec_count + 1, sizeof(uint32_t));
    mapper->sample_first = ls_allocate_zero(binding->context, cells, sizeof(uint32_t));
    mapper->sample_counts = ls_allocate_zero(binding->context, cells, sizeof(uint32_t));
    mapper->classes = ls_allocate_zero(binding->context, binding->definition->property_count + 1,
                                       sizeof *mapper->classes);
    if (!mapper->specs || !mapper->sample_first || !mapper->sample_counts || !mapper->classes) {
        return LS_ERROR_MEMORY;
    }
    int status = lay_out_map(mapper, &binding->map_size);
    while (status == LS_OK && binding->map_size == 0) {
        demote_widest(mapper);
        status = lay_out_map(mapper, &binding->map_size);
    }
    if (status != LS_OK) {
        binding->map_size = 0;
        return status;
    }
    binding->class_map =
        ls_allocate_zero(binding->context, binding->map_size, sizeof *binding->class_map);
    return binding->class_map ? map_classes(mapper) : LS_ERROR_MEMORY;
}

static int map_events(ls_binding *binding)
{
    mapper mapper = {.binding = binding};
    ls_context *context = binding->context;
    const size_t cells = binding->event_code_count * (binding->definition->property_count + 1);
    int status = make_map(&mapper);
    ls_free(context, mapper.specs, (binding->spec_count + 1) * sizeof(uint32_t));
    ls_free(context, mapper.sample_first, cells * sizeof(uint32_t));
    ls_free(context, mapper.sample_counts, cells * sizeof(uint32_t));
    ls_free(context, mapper.classes, (binding->definition->property_count + 1) * sizeof(uint32_t));
    ls_free(context, mapper.mask, mapper.mask_capacity);
    ls_free(context, mapper.slots, mapper.slots_capacity * sizeof *mapper.slots);
    ls_free(context, mapper.samples, mapper.sample_capacity * sizeof *mapper.samples);
    return status;
}

int ls_binding_classes(ls_binding *binding)
{
    name_specs(binding);
    return map_events(binding) == LS_OK && list_generic(binding) == LS_OK ? LS_OK : LS_ERROR_MEMORY;
}
