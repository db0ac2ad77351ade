function n(a){return a.kind==="base"&&a.reference===a.id&&a.id!==a.name?`${a.name}, ${a.id}`:a.name}export{n as a};
