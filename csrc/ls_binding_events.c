/* Classes of events, buckets of ages, and the entries that say what one event adds: the tables that
 * make scoring an event a look-up and an addition. Worked out from property tables that are up to
 * date; made anew as a whole whenever a value class, an event name or the instant asks for it.
 *
 * A spec (event rule or did filter) goes the table's way if what it adds depends on the event's
 * class and age bucket alone and its edges fit the budget; the others are left to kernels. */
#include "ls_binding.h"

#include <stdlib.h>

static const size_t flush_choices[] = {256, 128, 64, 32};

#define LS_MAX_CELLS 16384

/* ---- ways ------------------------------------------------------------------------------------ */

static bool asks_time(const ls_binding *binding, const ls_filter *filter)
{
    if (filter->kind == LS_FILTER_PROPERTY) {
        return ls_string_equal(binding->definition->properties[filter->property].name, "at", 2);
    }
    for (size_t i = 0; i < filter->count; i++) {
        if (asks_time(binding, &filter->children[i])) {
            return true;
        }
    }
    return false;
}

static bool choice_asks_time(const ls_binding *binding, const ls_choice *choice)
{
    return choice->kind != LS_CHOICE_NONE &&
           ls_string_equal(binding->definition->properties[choice->property].name, "at", 2);
}

static size_t step_count(const ls_decay *decay)
{
    return decay->curve == LS_CURVE_STEP
               ? (size_t)((100 * (int64_t)LS_MILLION + decay->percent - 1) / decay->percent)
               : 0;
}

static ls_way kernel_way(const ls_spec *spec)
{
    const ls_occurrences *occurrences = spec->occurrences;
    if (occurrences->once != LS_ONCE_NONE || occurrences->latest > 0) {
        return LS_WAY_LIST;
    }
    return occurrences->times_count > 0 ? LS_WAY_COUNT : LS_WAY_SUM;
}

static ls_way first_way(const ls_spec *spec)
{
    const ls_occurrences *occurrences = spec->occurrences;
    ls_curve curve = occurrences->decay.curve;
    bool counted = occurrences->times_count > 0;
    bool table = kernel_way(spec) != LS_WAY_LIST && !spec->generic &&
                 (counted ? curve == LS_CURVE_NONE : curve <= LS_CURVE_STEP) &&
                 spec->edge_count <= LS_MAX_BUCKETS;
    return table ? LS_WAY_TABLE : kernel_way(spec);
}

static void choose_ways(ls_binding *binding)
{
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        const ls_occurrences *occurrences = spec->occurrences;
        spec->way = LS_WAY_OFF;
        if (occurrences) {
            spec->generic = (occurrences->where && asks_time(binding, occurrences->where)) ||
                            choice_asks_time(binding, &occurrences->choice);
            spec->edge_count = (size_t)occurrences->has_last + occurrences->has_from +
                               occurrences->has_until + step_count(&occurrences->decay);
            spec->way = first_way(spec);
        }
    }
}

/* ---- which specs name an event, and which tables they read
 * ---------------------------------------- */

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

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 29;
}

static size_t find_sample(const mapper *mapper, const ls_property_table *table,
                          const uint32_t *samples, uint32_t class)
{
    const unsigned char *record = ls_table_record(table, class);
    uint64_t hash = 0;
    for (size_t i = 0; i < table->record_size; i += sizeof hash) {
        hash = mix(hash, masked_word(mapper, record, i));
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
            spec->way = kernel_way(spec);
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

/* The value class of each property, for one combination. */
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

static int add_match(ls_context *context, ls_match_sets *sets, size_t *count, uint32_t spec,
                     int64_t points)
{
    if (ls_grow(context, &sets->matches, &sets->match_capacity, sets->match_count + *count + 1,
                sizeof *sets->matches) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    ls_match *match = &sets->matches[sets->match_count + (*count)++];
    memset(match, 0, sizeof *match); /* padding too: they are compared as bytes */
    match->spec = spec;
    match->points = points;
    return LS_OK;
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
        status = add_match(binding->context, &binding->classes, count, mapper->specs[i], points);
    }
    return status;
}

static size_t find_set(const ls_match_sets *sets, const ls_match *matches, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        hash = mix(mix(hash, matches[i].spec), (uint64_t)matches[i].points);
    }
    size_t slot = (size_t)hash & (sets->slot_count - 1);
    for (; sets->slots[slot] != 0; slot = (slot + 1) & (sets->slot_count - 1)) {
        const ls_event_class *set = &sets->sets[sets->slots[slot] - 1];
        if (set->count == count && (count == 0 || memcmp(sets->matches + set->first, matches,
                                                         count * sizeof *matches) == 0)) {
            break;
        }
    }
    return slot;
}

static int grow_set_slots(ls_context *context, ls_match_sets *sets)
{
    size_t count = sets->slot_count ? sets->slot_count * 2 : 64;
    uint32_t *slots = ls_allocate_zero(context, count, sizeof *slots);
    if (slots == NULL) {
        return LS_ERROR_MEMORY;
    }
    ls_free(context, sets->slots, sets->slot_count * sizeof *slots);
    sets->slots = slots;
    sets->slot_count = count;
    for (uint32_t i = 0; i < sets->count; i++) {
        const ls_event_class *set = &sets->sets[i];
        slots[find_set(sets, sets->matches + set->first, set->count)] = i + 1;
    }
    return LS_OK;
}

/* The set of the matches behind the last one: an equal one, or a new one. */
static int set_of_matches(ls_context *context, ls_match_sets *sets, size_t count, uint16_t *out)
{
    if ((sets->count * 2 >= sets->slot_count && grow_set_slots(context, sets) != LS_OK) ||
        ls_grow(context, &sets->sets, &sets->capacity, sets->count + 1, sizeof *sets->sets) !=
            LS_OK) {
        return LS_ERROR_MEMORY;
    }
    size_t slot = find_set(sets, count ? sets->matches + sets->match_count : NULL, count);
    if (sets->slots[slot] == 0) {
        sets->sets[sets->count] = (ls_event_class){(uint32_t)sets->match_count, (uint32_t)count};
        sets->match_count += count;
        sets->slots[slot] = (uint32_t)++sets->count;
    }
    *out = (uint16_t)(sets->slots[slot] - 1);
    return LS_OK;
}

static int begin_sets(ls_context *context, ls_match_sets *sets)
{
    uint16_t nothing;
    sets->count = sets->match_count = 0;
    if (sets->slots) {
        memset(sets->slots, 0, sets->slot_count * sizeof *sets->slots);
    }
    return set_of_matches(context, sets, 0, &nothing);
}

static void free_sets(ls_context *context, ls_match_sets *sets)
{
    ls_free(context, sets->sets, sets->capacity * sizeof *sets->sets);
    ls_free(context, sets->matches, sets->match_capacity * sizeof *sets->matches);
    ls_free(context, sets->slots, sets->slot_count * sizeof *sets->slots);
    memset(sets, 0, sizeof *sets);
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
            set_of_matches(binding->context, &binding->classes, count,
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
    int status = digits ? begin_sets(binding->context, &binding->classes) : LS_ERROR_MEMORY;
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

/* ---- buckets --------------------------------------------------------------------------------- */

static int compare_edges(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The ages at which what a spec's occurrence adds changes. */
static size_t add_edges(const ls_binding *binding, const ls_occurrences *occurrences,
                        int64_t *edges)
{
    size_t count = 0;
    if (occurrences->has_last) {
        edges[count++] = occurrences->last;
    }
    if (occurrences->has_from) {
        edges[count++] = binding->at - occurrences->from + 1;
    }
    if (occurrences->has_until) {
        edges[count++] = binding->at - occurrences->until + 1;
    }
    for (size_t n = 1; n <= step_count(&occurrences->decay); n++) {
        edges[count++] = occurrences->decay.every > INT64_MAX / (int64_t)n
                             ? INT64_MAX
                             : occurrences->decay.every * (int64_t)n;
    }
    return count;
}

/* Past the edge budget, the spec with the most edges goes to a kernel; false: there was none. */
static bool demote_most_edges(ls_binding *binding)
{
    ls_spec *most = NULL;
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        if (spec->way == LS_WAY_TABLE && (most == NULL || spec->edge_count > most->edge_count)) {
            most = spec;
        }
    }
    if (most) {
        most->way = kernel_way(most);
    }
    return most != NULL;
}

static size_t total_edges(const ls_binding *binding)
{
    size_t total = 0;
    for (size_t i = 0; i < binding->spec_count; i++) {
        total += binding->specs[i].way == LS_WAY_TABLE ? binding->specs[i].edge_count : 0;
    }
    return total;
}

/* No age is as large: instants span less than 2^39 seconds. */
#define LS_MAX_AGE (INT64_C(1) << 40)

/* Sorted, without repeats, above 0, ended by INT64_MAX. */
static void sort_edges(ls_binding *binding, size_t count)
{
    int64_t *edges = binding->edges;
    size_t kept = 0;
    qsort(edges, count, sizeof *edges, compare_edges);
    for (size_t i = 0; i < count; i++) {
        if (edges[i] > 0 && edges[i] < LS_MAX_AGE && (kept == 0 || edges[i] != edges[kept - 1])) {
            edges[kept++] = edges[i];
        }
    }
    edges[kept] = INT64_MAX;
    binding->bucket_count = kept + 1;
}

/* Cells so small that an age's bucket is found by a shift and a comparison or two. */
static int make_cells(ls_binding *binding)
{
    const int64_t *edges = binding->edges;
    size_t last = binding->bucket_count - 1;
    int64_t gap = INT64_MAX, end = last ? edges[last - 1] : 0;
    for (size_t i = 1; i < last; i++) {
        gap = ls_min(gap, edges[i] - edges[i - 1]);
    }
    binding->cell_shift = 0;
    while ((end >> binding->cell_shift) >= LS_MAX_CELLS ||
           (binding->cell_shift < 40 && INT64_C(2) << binding->cell_shift <= gap &&
            end >> binding->cell_shift > 0)) {
        binding->cell_shift++;
    }
    binding->cell_count = (size_t)(end >> binding->cell_shift) + 1;
    binding->cells =
        ls_allocate(binding->context, (binding->cell_count + 1) * sizeof *binding->cells);
    if (binding->cells == NULL) {
        return LS_ERROR_MEMORY;
    }
    size_t bucket = 0, before = 0;
    binding->cell_edges = 0;
    for (size_t cell = 0; cell <= binding->cell_count; cell++) {
        while (edges[bucket] <= (int64_t)cell << binding->cell_shift) {
            bucket++;
        }
        if (cell > 0 && bucket - before > binding->cell_edges) {
            binding->cell_edges = (uint16_t)(bucket - before);
        }
        binding->cells[cell] = (uint16_t)(cell < binding->cell_count ? bucket : last);
        before = bucket;
    }
    return LS_OK;
}

static int make_buckets(ls_binding *binding)
{
    while (total_edges(binding) > LS_MAX_BUCKETS - 1) {
        demote_most_edges(binding);
    }
    size_t room = total_edges(binding) + 1, count = 0;
    if (binding->edges == NULL) {
        binding->edges =
            ls_allocate(binding->context, (LS_MAX_BUCKETS + 1) * sizeof *binding->edges);
    }
    if (binding->edges == NULL || room > LS_MAX_BUCKETS) {
        return LS_ERROR_MEMORY;
    }
    for (size_t i = 0; i < binding->spec_count; i++) {
        if (binding->specs[i].way == LS_WAY_TABLE) {
            count += add_edges(binding, binding->specs[i].occurrences, binding->edges + count);
        }
    }
    sort_edges(binding, count);
    ls_free(binding->context, binding->cells, (binding->cell_count + 1) * sizeof *binding->cells);
    binding->cells = NULL;
    return make_cells(binding);
}

/* ---- lanes and entries
 * --------------------------------------------------------------------------- */

static uint32_t lane_of(ls_binding *binding, ls_lane_kind kind, uint32_t index)
{
    uint32_t lane = 0;
    while (lane < binding->lane_count &&
           (binding->lanes[lane].kind != kind || binding->lanes[lane].index != index)) {
        lane++;
    }
    if (lane == binding->lane_count) {
        binding->lanes[binding->lane_count++] = (ls_lane){.kind = kind, .index = index};
    }
    return lane;
}

/* Where a rule goes over contacts, whether it fired is a matter of the contact and the rule: its
 * occurrences are counted. */
static bool is_counted(const ls_spec *spec)
{
    return spec->occurrences->times_count > 0 || (spec->rule && spec->rule->over);
}

static void list_lanes(ls_binding *binding)
{
    binding->lane_count = 0;
    for (size_t i = 0; i < binding->spec_count; i++) {
        ls_spec *spec = &binding->specs[i];
        if (ls_spec_fires_by_entry(spec)) {
            binding->fired_lane = lane_of(binding, LS_LANE_FIRED, 0);
        }
        if (spec->way != LS_WAY_TABLE) {
            continue;
        }
        if (is_counted(spec)) {
            spec->count_lane = lane_of(binding, LS_LANE_COUNT, (uint32_t)i);
        } else {
            binding->fired_lane = lane_of(binding, LS_LANE_FIRED, 0);
        }
        if (spec->occurrences->times_count == 0) {
            spec->lane = lane_of(binding, LS_LANE_TARGET, spec->target);
        }
    }
}

/* What entries hold of a class: the matches that they add up, and whether others fire. */
static int row_of_class(ls_binding *binding, size_t class)
{
    const ls_event_class *matches = ls_class_matches(binding, class);
    size_t count = 0;
    bool fires = false;
    int status = LS_OK;
    for (size_t i = 0; i < matches->count && status == LS_OK; i++) {
        const ls_match *match = &binding->classes.matches[matches->first + i];
        const ls_spec *spec = &binding->specs[match->spec];
        fires = fires || ls_spec_fires_by_entry(spec);
        if (spec->way == LS_WAY_TABLE) {
            status =
                add_match(binding->context, &binding->rows, &count, match->spec, match->points);
        }
    }
    if (fires && status == LS_OK) {
        status = add_match(binding->context, &binding->rows, &count, LS_FIRES, 0);
    }
    return status == LS_OK ? set_of_matches(binding->context, &binding->rows, count,
                                            &binding->class_rows[class])
                           : status;
}

static int make_rows(ls_binding *binding)
{
    int status = begin_sets(binding->context, &binding->rows);
    for (size_t class = 0; class < binding->classes.count && status == LS_OK; class ++) {
        status = row_of_class(binding, class);
    }
    return status;
}

/* What an event adds to each lane in a bucket of its row, in millionths and counts. */
static void add_up(const ls_binding *binding, size_t row, size_t bucket, int64_t *out)
{
    const ls_event_class *matches = &binding->rows.sets[row];
    int64_t age = bucket ? binding->edges[bucket - 1] : 0;
    memset(out, 0, binding->lane_count * sizeof *out);
    for (size_t i = 0; i < matches->count; i++) {
        const ls_match *match = &binding->rows.matches[matches->first + i];
        if (match->spec == LS_FIRES) {
            out[binding->fired_lane] = 1;
            continue;
        }
        const ls_spec *spec = &binding->specs[match->spec];
        const ls_occurrences *occurrences = spec->occurrences;
        if (!ls_spec_open(occurrences, binding->at, age)) {
            continue;
        }
        if (is_counted(spec)) {
            out[spec->count_lane] = 1;
        } else {
            out[binding->fired_lane] = 1;
        }
        if (occurrences->times_count == 0) {
            out[spec->lane] += ls_decay_points(&occurrences->decay, match->points, age);
        }
    }
}

static int64_t greatest_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Units, least entries and ranges of all lanes. */
static void measure_lanes(ls_binding *binding, int64_t *values, int64_t *greatest)
{
    for (size_t i = 0; i < binding->lane_count; i++) {
        binding->lanes[i].unit = binding->lanes[i].least = greatest[i] = 0;
    }
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < binding->bucket_count; bucket++) {
            add_up(binding, row, bucket, values);
            for (size_t i = 0; i < binding->lane_count; i++) {
                ls_lane *lane = &binding->lanes[i];
                lane->unit = greatest_divisor(lane->unit, values[i]);
                lane->least = ls_min(lane->least, values[i]);
                greatest[i] = ls_max(greatest[i], values[i]);
            }
        }
    }
}

static unsigned bit_length(uint64_t number)
{
    unsigned bits = 0;
    for (; number; number >>= 1) {
        bits++;
    }
    return bits;
}

/* Places the lanes in words for a number of events between flushes; the number of words. */
static size_t place_lanes(ls_binding *binding, const int64_t *greatest, size_t flush)
{
    size_t words = 0;
    unsigned used = 64;
    for (size_t i = 0; i < binding->lane_count; i++) {
        ls_lane *lane = &binding->lanes[i];
        uint64_t range = (uint64_t)((greatest[i] - lane->least) / lane->unit);
        unsigned bits = range > UINT64_MAX / flush ? 64 : bit_length(range * flush);
        bits += bits == 0;
        words += used + bits > 64;
        used = used + bits > 64 ? 0 : used;
        lane->word = (uint32_t)(words - 1);
        lane->shift = (uint8_t)used;
        lane->bits = (uint8_t)bits;
        used += bits;
    }
    return words;
}

/* As few words as can be, then as rare flushes as can be. */
static void choose_flush(ls_binding *binding, const int64_t *greatest)
{
    size_t best = 0, words = SIZE_MAX;
    for (size_t i = 0; i < sizeof flush_choices / sizeof *flush_choices; i++) {
        size_t needed = place_lanes(binding, greatest, flush_choices[i]);
        if (needed < words) {
            words = needed;
            best = i;
        }
    }
    binding->flush = flush_choices[best];
    binding->words = place_lanes(binding, greatest, binding->flush);
}

static void fill_entries(ls_binding *binding, int64_t *values)
{
    uint64_t *entry = binding->entries;
    for (size_t row = 0; row < binding->rows.count; row++) {
        for (size_t bucket = 0; bucket < binding->bucket_count; bucket++, entry += binding->words) {
            add_up(binding, row, bucket, values);
            for (size_t i = 0; i < binding->lane_count; i++) {
                const ls_lane *lane = &binding->lanes[i];
                entry[lane->word] |= (uint64_t)((values[i] - lane->least) / lane->unit)
                                     << lane->shift;
            }
        }
    }
}

static size_t entry_size(const ls_binding *binding)
{
    return binding->entry_count * binding->words * sizeof(uint64_t) + 8;
}

/* Lanes, then entries if they fit the budget; LS_MORE: they do not, some spec was demoted. */
static int try_entries(ls_binding *binding, int64_t *values)
{
    int64_t *greatest = values + binding->spec_count * 2 + 1;
    list_lanes(binding);
    if (make_rows(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    binding->entry_count = binding->rows.count * binding->bucket_count;
    if (binding->entry_count * sizeof(uint64_t) > LS_MAX_ENTRY_BYTES &&
        demote_most_edges(binding)) {
        return LS_MORE;
    }
    measure_lanes(binding, values, greatest);
    for (size_t i = 0; i < binding->lane_count; i++) {
        binding->lanes[i].unit += binding->lanes[i].unit == 0;
    }
    choose_flush(binding, greatest);
    if (entry_size(binding) > LS_MAX_ENTRY_BYTES && demote_most_edges(binding)) {
        return LS_MORE;
    }
    binding->entries = ls_allocate_zero(binding->context, 1, entry_size(binding));
    if (binding->entries == NULL) {
        return LS_ERROR_MEMORY;
    }
    fill_entries(binding, values);
    return LS_OK;
}

static int make_entries(ls_binding *binding)
{
    size_t room = (binding->spec_count * 2 + 1) * 2;
    int64_t *values = ls_allocate_zero(binding->context, room, sizeof *values);
    int status = values ? LS_MORE : LS_ERROR_MEMORY;
    binding->made = ++binding->context->made;
    while (status == LS_MORE) {
        status = make_buckets(binding);
        status = status == LS_OK ? try_entries(binding, values) : status;
    }
    ls_free(binding->context, values, room * sizeof *values);
    return status;
}

/* ---- all of it
 * ----------------------------------------------------------------------------------- */

static void mark_kernels(ls_binding *binding)
{
    binding->any_kernel = binding->any_list = binding->any_generic = false;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        binding->any_kernel = binding->any_kernel || spec->way > LS_WAY_TABLE;
        binding->any_list = binding->any_list || spec->way == LS_WAY_LIST;
        binding->any_generic = binding->any_generic || (spec->occurrences && spec->generic);
    }
    for (size_t class = 0; class < binding->classes.count; class ++) {
        const ls_event_class *matches = ls_class_matches(binding, class);
        binding->class_has_kernel[class] = false;
        for (size_t i = 0; i < matches->count; i++) {
            ls_way way = binding->specs[binding->classes.matches[matches->first + i].spec].way;
            binding->class_has_kernel[class] =
                binding->class_has_kernel[class] || way > LS_WAY_TABLE;
        }
    }
}

/* Value classes past which a direct map would take longer to make than it saves. */
#define MOST_DIRECT_CLASSES 32

static void free_direct_rows(ls_binding *binding)
{
    ls_free(binding->context, binding->direct_rows,
            binding->direct_size * sizeof *binding->direct_rows);
    binding->direct_rows = NULL;
}

static int make_direct_rows(ls_binding *binding)
{
    const ls_property_table *table =
        binding->map_table_count ? &binding->tables[binding->map_tables[0]] : NULL;
    size_t classes = table ? table->class_count : 1;
    if (binding->any_kernel || binding->map_table_count > 1 || classes > MOST_DIRECT_CLASSES ||
        binding->event_code_count > LS_DIRECT_NAMES) {
        return LS_OK;
    }
    binding->direct_size = classes * LS_DIRECT_NAMES;
    binding->direct_rows =
        ls_allocate_zero(binding->context, binding->direct_size, sizeof *binding->direct_rows);
    if (binding->direct_rows == NULL) {
        return LS_ERROR_MEMORY;
    }
    for (size_t code = 0; code < binding->event_code_count; code++) {
        for (size_t class = 0; class < classes; class ++) {
            uint32_t part = table ? ls_map_part(binding, code, 0, (uint32_t) class) : 0;
            uint16_t number = binding->class_map[binding->map_base[code] + part];
            binding->direct_rows[class * LS_DIRECT_NAMES + code] =
                (uint32_t)(binding->class_rows[number] * binding->bucket_count);
        }
    }
    return LS_OK;
}

static int allocate_events(ls_binding *binding)
{
    ls_context *context = binding->context;
    size_t codes = binding->dataset->events.event.dictionary.count;
    size_t properties = binding->definition->property_count + 1;
    codes += codes == 0;
    binding->event_code_count = codes;
    binding->spec_words = (binding->spec_count + 63) / 64;
    binding->event_specs = ls_allocate_zero(context, codes * binding->spec_words, sizeof(uint64_t));
    binding->generic_first = ls_allocate_zero(context, codes + 1, sizeof(uint32_t));
    binding->map_tables = ls_allocate_zero(context, properties, sizeof(uint32_t));
    binding->map_base = ls_allocate_zero(context, codes, sizeof(uint32_t));
    binding->map_first = ls_allocate_zero(context, codes * properties, sizeof(uint32_t));
    binding->lanes = ls_allocate_zero(context, binding->spec_count * 2 + 1, sizeof *binding->lanes);
    return binding->event_specs && binding->generic_first && binding->map_tables &&
                   binding->map_base && binding->map_first && binding->lanes
               ? LS_OK
               : LS_ERROR_MEMORY;
}

void ls_binding_events_free(ls_binding *binding)
{
    ls_context *context = binding->context;
    size_t codes = binding->event_code_count, properties = binding->definition->property_count + 1;
    ls_free(context, binding->generic_specs,
            binding->generic_first ? (binding->generic_first[codes] + (size_t)1) * sizeof(uint32_t)
                                   : 0);
    ls_free(context, binding->event_specs, codes * binding->spec_words * sizeof(uint64_t));
    ls_free(context, binding->generic_first, (codes + 1) * sizeof(uint32_t));
    ls_free(context, binding->map_tables, properties * sizeof(uint32_t));
    ls_free(context, binding->map_base, codes * sizeof(uint32_t));
    ls_free(context, binding->map_parts, binding->map_part_capacity * sizeof *binding->map_parts);
    ls_free(context, binding->map_first, codes * properties * sizeof(uint32_t));
    ls_free(context, binding->lanes, (binding->spec_count * 2 + 1) * sizeof *binding->lanes);
    ls_free(context, binding->class_map, binding->map_size * sizeof *binding->class_map);
    ls_free(context, binding->direct_rows, binding->direct_size * sizeof *binding->direct_rows);
    ls_free(context, binding->class_has_kernel, binding->classes.count * sizeof(bool));
    ls_free(context, binding->class_rows, binding->classes.count * sizeof *binding->class_rows);
    free_sets(context, &binding->classes);
    free_sets(context, &binding->rows);
    ls_free(context, binding->edges, (LS_MAX_BUCKETS + 1) * sizeof *binding->edges);
    ls_free(context, binding->cells, (binding->cell_count + 1) * sizeof *binding->cells);
    ls_free(context, binding->entries, binding->entries ? entry_size(binding) : 0);
    binding->generic_specs = binding->generic_first = binding->map_tables = NULL;
    binding->map_base = binding->map_first = NULL;
    binding->map_parts = binding->class_rows = NULL;
    binding->event_specs = binding->entries = NULL;
    binding->lanes = NULL;
    binding->class_map = binding->cells = NULL;
    binding->direct_rows = NULL;
    binding->class_has_kernel = NULL;
    binding->edges = NULL;
    binding->event_code_count = binding->map_part_capacity = binding->entry_count = 0;
    binding->map_part_count = binding->map_size = binding->cell_count = 0;
}

int ls_binding_events(ls_binding *binding)
{
    ls_binding_events_free(binding);
    int status = allocate_events(binding);
    if (status != LS_OK) {
        return status;
    }
    choose_ways(binding);
    name_specs(binding);
    if (map_events(binding) != LS_OK || list_generic(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    binding->class_has_kernel =
        ls_allocate_zero(binding->context, binding->classes.count, sizeof(bool));
    binding->class_rows =
        ls_allocate_zero(binding->context, binding->classes.count, sizeof *binding->class_rows);
    if (binding->class_has_kernel == NULL || binding->class_rows == NULL ||
        make_entries(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    mark_kernels(binding);
    return make_direct_rows(binding);
}

bool ls_binding_ages_move(const ls_binding *binding)
{
    bool move = false;
    for (size_t i = 0; i < binding->spec_count; i++) {
        const ls_spec *spec = &binding->specs[i];
        move = move || (spec->way == LS_WAY_TABLE &&
                        (spec->occurrences->has_from || spec->occurrences->has_until));
    }
    return move;
}

int ls_binding_ages(ls_binding *binding)
{
    ls_free(binding->context, binding->entries, entry_size(binding));
    binding->entries = NULL;
    if (make_entries(binding) != LS_OK) {
        return LS_ERROR_MEMORY;
    }
    mark_kernels(binding); /* specs that had room may have none now */
    free_direct_rows(binding);
    return make_direct_rows(binding);
}
