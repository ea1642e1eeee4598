export declare function load (url: string, context: object, next: (url: string, context: object) => unknown): { format: 'module', source: string }
